// Terminal: what a program says and hears at a terminal: results, notes and lines of progress, with what a terminal would obey shown as escapes;
// tables and quantities as people read them; files named on the command line; the signals that end or stop it.
// It knows nothing about options, and nothing about what is said.
