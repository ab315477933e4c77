# Turns scripts into C: `awk -v header=python_internal.h -v format=python_%s_script -f embed.awk
# probe.py …` writes, for each, an array python_probe_script that holds its text.

# One character at a time: how backslashes fare in gsub() differs from awk to awk.
function quoted(line,    out, i, c) {
	out = ""
	for (i = 1; i <= length(line); i++) {
		c = substr(line, i, 1)
		if (c == "\\" || c == "\"" || c == "?")
			out = out "\\"
		out = out c
	}
	return "\"" out "\\n\""
}

BEGIN {
	print "/* Made by embed.awk. */"
	print "#include \"" header "\""
}

FNR == 1 {
	if (NR > 1)
		print "\t;"
	name = FILENAME
	sub(/.*\//, "", name)
	sub(/\.[^.]*$/, "", name)
	print ""
	printf "const char " format "[] =\n", name
}

{
	print "\t" quoted($0)
}

END {
	print "\t;"
}
