# Samples (metric, shape, value; a line each, rounds in order) as one Markdown
# table row per line of `rows` (metric, label, metric of B): median [min-max] of each shape
# and, against B, the median of the ratios taken round by round.

BEGIN { FS = "\t"; shapes = split("a b c", shape, " ") }

function sorted(values, n,    i, j, v) {
    for (i = 2; i <= n; i++) {
        v = values[i]
        for (j = i - 1; j > 0 && values[j] > v; j--) values[j + 1] = values[j]
        values[j + 1] = v
    }
}
function median(values, n) {
    sorted(values, n)
    return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
}
function figure(x) { return x >= 100 ? sprintf("%.0f", x) : x >= 10 ? sprintf("%.1f", x) : sprintf("%.2f", x) }

NR == FNR { taken[$1, $2, ++count[$1, $2]] = $3; next }
{
    line = "| " $2
    base = NF > 2 ? $3 : $1
    for (s = 1; s <= shapes; s++) {
        n = count[$1, shape[s]]
        delete values
        for (i = 1; i <= n; i++) values[i] = taken[$1, shape[s], i]
        if (!n) { line = line " | -"; continue }
        m = median(values, n)
        line = line " | " figure(m) (n > 1 ? " [" figure(values[1]) "-" figure(values[n]) "]" : "")
    }
    for (s = 1; s <= shapes; s += 2) {
        n = 0
        delete values
        for (i = 1; i <= count[$1, shape[s]]; i++)
            if (taken[base, "b", i] > 0) values[++n] = taken[$1, shape[s], i] / taken[base, "b", i]
        line = line " | " (n ? figure(median(values, n)) : "-")
    }
    print line " |"
}
