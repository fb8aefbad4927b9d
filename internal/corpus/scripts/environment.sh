# What programs get of the environment.
export A=1; env
B='two words' env
unset A; env
