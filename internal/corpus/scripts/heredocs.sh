# Here-documents.
cat <<END
plain $((1 + 1)) and a \$dollar
END
x='the value'
cat <<END
$x and "quotes" and ${#x}
END
cat <<'END'
$x stays, \ stays, "stays"
END
cat <<-END
	without	tabs
		in front
	END
cat <<A; cat <<B
first
A
second
B
while read -r a b; do echo "$b-$a"; done <<END
1 one
2 two words
END
cat <<END | sort
c
a
b
END
f() { cat; }
f <<END
to a function
END
(cat; echo after) <<END
to a subshell
END
cat <<END
${x#the } and ${none:-nothing}
END
read first <<END
only this
not this
END
echo "$first"
exec 3<<END
one
two
END
read a <&3; read b <&3; echo "$b $a"; exec 3<&-
i=0; x=; while [ $i -lt 2000 ]; do x="$x a long document"; i=$((i + 1)); done
cat <<END | lines
$x
$x
END
