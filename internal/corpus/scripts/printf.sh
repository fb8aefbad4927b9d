# printf is a built-in command.
printf '%s|%5d|%-5s|%05.1f|%x|%c\n' str 42 left 3.14159 255 char
printf 'tab\there\\ \101\n'; printf '%s ' 1 2 3; printf '\n%b\n' 'a\nb'
printf 'no newline' | { read x || echo "end: $x"; }
printf '%s\n' after; echo "and echo"
