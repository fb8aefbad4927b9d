# A descriptor that is not open.
echo to 3 >&3; echo "$?"
exec 3>three; echo x >&3; exec 3>&-; echo closed >&3; echo "$?"
cat <&7; echo "$?"
