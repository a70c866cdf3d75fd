"""What will happen to a script behind the proxy, told without running it.

===========  =====================================================================
sources      the texts: a file, or the code of a notebook's cells
constants    values that stand in a script: ports and ids that have a name
script       what a script does that matters: imports, connections, members used
limits       the rows of docs/limits.md, which say what differs
uses         which of those rows a use of something leads to
findings     what a script should know, with its lines
verdict      puts them together: works, differs, needs a change
===========  =====================================================================

Nothing is a second truth: what differs is said by docs/limits.md, what a method sends and what
is refused by the message table.
"""
