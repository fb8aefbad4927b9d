# Command substitution.
echo "$(echo simple)"
x=$(echo first; echo second); echo "$x"
echo "<$(echo trailing; echo; echo)>"
echo $(echo '  split   words  ')
echo "$(echo '  not   split  ')"
echo "outer $(echo "middle $(echo inner)")"
echo `echo old \`echo style\``
x=$(exit 4); echo "status $?"
x=$(false) || echo "failed"
echo "status of a command with a substitution: $(exit 6)$?"
echo "$(cat <<END
here $(echo document)
END
)"
f() { echo "function $1"; return 2; }
y=$(f a); echo "$y $?"
echo "$(echo a | cat; echo b)"
i=0; s=; while [ $i -lt 20 ]; do s=$s$(echo $i); i=$((i + 1)); done; echo "$s"
long=$(i=0; while [ $i -lt 3000 ]; do echo "0123456789012345678901234567890123456789"; i=$((i + 1)); done)
echo "${#long}"
case $(echo match) in ma*) echo matched;; *) echo not;; esac
for w in $(echo a b c); do echo "word $w"; done
echo "$(args "a  b" c)"
echo "$(status 3; echo $?)"
set -- $(echo p q r); echo "$3 $#"
echo "${unset:-$(echo default)}"
if [ "$(echo x)" = x ]; then echo equal; fi
fact() { if [ $1 -le 1 ]; then echo 1; else echo $(($1 * $(fact $(($1 - 1))))); fi; }; fact 10
cat <<END
$x in a document: $(echo inner)
END
echo "[$( (echo a; echo b) | sort)]"; a=$(exit 12); echo "$?"
(set -e; x=$(false); echo not here); echo "$?"
[ "$(pwd)" = "$PWD" ] && echo "pwd is PWD"
