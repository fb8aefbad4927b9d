# Exit statuses.
true; echo $?
false; echo $?
status 42; echo $?
status 256; echo $?
status -1; echo $?
missing-program 2>/dev/null; echo "not found: $?"
./missing-program 2>/dev/null; echo "not found: $?"
. /dev/null; echo $?
kills 15; echo "TERM: $?"
kills 9; echo "KILL: $?"
kills 6 2>/dev/null; echo "ABRT: $?"
kills 14; echo "ALRM: $?"
kills 17; echo "CHLD: $?"
f() { return 9; }; f; echo $?
f() { true; return; }; f; echo $?
f() { false; return; }; f; echo $?
{ (exit 7); }; echo $?
[ 1 -eq 2 ]; echo $?
if (exit 3); then echo yes; else echo "else $?"; fi
while (exit 4); do :; done; echo "while: $?"
case x in y) false;; esac; echo "case: $?"
for i in; do false; done; echo "for: $?"
x=y; echo $?
cd /missing 2>/dev/null; echo "cd: $?"
break 2>/dev/null; echo $?
eval '(exit 6)'; echo "eval: $?"
(exit 255); echo $?
exit 77
