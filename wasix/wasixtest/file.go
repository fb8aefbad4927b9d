package wasixtest

// filesCases are groups of cases of the calls on files, each with subtests on every
// kind of file system.
var filesCases = []engineCase{
	{"path_open opens what a path leads to, or nothing", files(openFileCases)},
	{"files move data, and keep an offset", files(dataCases)},
	{"fd_readdir lists what is in a directory", files(directoryCases)},
	{"calls on paths change the tree as on Linux, or leave it", files(treeCases)},
	{"no call on paths gets out of a directory of the host", confine},
}
