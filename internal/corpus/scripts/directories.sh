# cd, pwd, files and what tests say of them.
top=$PWD; pwd >f; read p <f; [ "$p" = "$top" ] && echo "pwd is PWD"
cd /; pwd; cd "$top"; [ "$PWD" = "$top" ] && echo back
echo content >f; [ -f f ] && [ -f ./f ] && [ -f "$top/f" ] && echo found
cd .; [ "$PWD" = "$top" ] && echo same
cd ..; cd - >/dev/null; [ "$PWD" = "$top" ] && echo "back by -"
(cd /; [ "$OLDPWD" = "$top" ] && echo "OLDPWD is set")
cd missing 2>/dev/null || echo "missing: $?"
cd f 2>/dev/null || echo "no directory: $?"
cd /; [ -f "$top/f" ] && cat "$top/f"; cat f 2>/dev/null || echo "not here"; cd "$top"
(cd / && cat "$top"/f)
cd "$top"; cat f; cat ./f; cat ../*/f | first
[ -d "$top" ] && [ ! -f "$top" ] && [ -e /dev/null ] && [ -c /dev/null ] && [ ! -d f ] && echo types
echo more >>"$top/f"; lines <f
for g in *; do echo "g $g"; done; echo "$top"/f* | { read x; echo "${x#"$top"/}"; }
