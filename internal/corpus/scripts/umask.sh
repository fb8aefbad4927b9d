# umask.
umask; umask 027; umask; (umask 077; umask); umask
