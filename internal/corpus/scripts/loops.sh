# Loops, read and IFS.
for i in a b c; do [ $i = b ] && continue; echo $i; done
for i in 1 2 3; do for j in x y; do [ $j = y ] && continue 2; echo $i$j; done; done
i=0; until [ $i -ge 3 ]; do i=$((i + 1)); [ $i = 2 ] && break; done; echo $i
while read a b rest; do echo "$a|$b|$rest"; done <<END
1 2 3 4
  5   6
7
END
IFS=:; while read a b c; do echo "$c,$b,$a"; done <<END
x:y:z
:second:
a::c:d
END
set -- a:b:c; for w in $1; do echo "w $w"; done; unset IFS
args 'back\slash' | while read x; do echo "$x"; done
args 'back\slash' | while read -r x; do echo "$x"; done
echo line >f; read x <f && echo "$x"; read x </dev/null || echo "end: $x"
IFS=' ' ; set -- "a b" c; echo "$*"; IFS=,; echo "$*"; unset IFS
for w in "$@"; do echo "<$w>"; done
for w; do echo "[$w]"; done
n=0; while [ $n -lt 1000 ]; do n=$((n + 1)); done; echo $n
echo 'x y
z w' | while read p q; do for k in $p $q; do args $k; done; done
args a b c | { read x; cat; }
i=3; while [ $((i -= 1)) -ge 0 ]; do echo $i; done
IFS= read -r x <<END
   keeps spaces   
END
echo "<$x>"
echo one,two | (IFS=,; read a b; echo "$b $a")
