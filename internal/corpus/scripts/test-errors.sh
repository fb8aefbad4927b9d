# What test says of nonsense.
[ 1 -eq ] 2>/dev/null; echo "$?"
[ a -eq 1 ] 2>/dev/null; echo "$?"
