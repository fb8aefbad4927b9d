# set -e, set -u, set -x, set -n and the like.
(set -e; true; echo goes on; false; echo not here); echo "$?"
(set -e; false || true; echo after or); echo "$?"
(set -e; if false; then :; fi; echo after if); echo "$?"
(set -e; ! true; echo after not); echo "$?"
(set -e; f() { false; echo in f; }; f || echo f failed); echo "$?"
(set -e; f() { false; echo not here; }; f; echo nor here); echo "$?"
(set -e; while false; do :; done; echo after while); echo "$?"
(set -e; false | true; echo a pipeline is its last command); echo "$?"
(set -e; (exit 3); echo not here); echo "$?"
(set -e; status 4; echo not here); echo "$?"
(set -e; false && true; echo after and); echo "$?"
(set -e; trap 'echo exit trap $?' EXIT; false); echo "$?"
(set -u; echo "${x-default}"; echo $x; echo not here) 2>/dev/null; echo "unset: $?"
(set -f; echo *); echo *.nothing
(set -eu; . ./missing; echo not here) 2>/dev/null; echo "dot: $?"
set -e
echo "at the end"
status 5
echo not reached
