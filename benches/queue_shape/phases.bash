# The measurements of `run`, and how they become tables. Each function takes a
# shape; `phase` runs it on all of them in turn, round by round.
# shellcheck shell=bash disable=SC2154

# Lets the stock fetch in database $1 use its index with a large backlog.
mend() {
    local setting
    for setting in enable_hashjoin enable_mergejoin enable_sort jit; do
        psql -d "$1" -c "alter function apalis.get_jobs(text, text, integer) set $setting = off"
    done
}
unmend() { psql -d "$1" -c 'alter function apalis.get_jobs(text, text, integer) reset all'; }

cycle() { # claim ten and $2 each; the stock storage is told of all ten at once
    local k result
    cat "$here/$1/claim.sql"
    for k in {1..10}; do sed "s/:k\>/$k/g" "$here/$1/$2.sql"; done
    [[ $1 == c ]] || return 0
    [[ $2 == settle ]] && result=Done || result=Pending
    sed -e "s/\\\$1/replace(:results, 'Done', '$result')/" \
        -e "s/\\\$2/'worker-' || :client_id/" "$apalis/queries/task/handle_result.sql"
}
script() {
    case $2 in
        settle | retry) cycle "$1" "$2" ;;
        claim_undone) echo 'begin;' && cat "$here/$1/claim.sql" && echo 'rollback;' ;;
        *) cat "$here/$1/$2.sql" ;;
    esac
}

# measure METRIC SHAPE STATE SCRIPT UNITS CLIENTS [pgbench arguments]: samples
# units a second and the median time of one run of the script.
measure() {
    local metric=$1 shape=$2 state=$3 units=$5 clients=$6 bound=(-T "$seconds") out
    script "$shape" "$4" >"$dir/script.sql"
    [[ " ${*:7} " != *' -t '* ]] || bound=()
    rm -f "$dir"/log.*
    out=$("$bin/pgbench" -n -M prepared -c "$clients" -j 2 -f "$dir/script.sql" -l \
        --log-prefix="$dir/log" "${bound[@]}" "${@:7}" "${shape}_$state" 2>"$dir/errors") ||
        { cat "$dir/errors" >&2 && exit 70; }
    transactions=$(sed -n 's/.*actually processed: \([0-9]*\).*/\1/p' <<<"$out")
    sample "$metric.rate" "$shape" \
        "$(awk -v u="$units" '/^tps/ { print $3 * u }' <<<"$out")"
    sample "$metric.p50" "$shape" \
        "$(cut -d' ' -f3 "$dir"/log.* | sort -n | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] / 1000 }')"
}
expect() { # that query $2 in database $1 gives $3: a figure of work not done is worthless
    local found deadline=$((SECONDS + 10)) # statistics arrive when a client has gone
    until found=$(value "$1" "$2") && [[ $found == "$3" ]]; do
        ((SECONDS < deadline)) || { echo "$1: $2 gives $found, not $3" >&2 && exit 70; }
        sleep 0.1
    done
}
each_round() { # $1 rounds of function $2, the shapes in turn
    local round shape
    for ((round = 1; round <= $1; round++)); do
        for shape in "${shapes[@]}"; do "$2" "$shape"; done
    done
}

contended() {
    refill "$1" 40000
    measure cycle_small "$1" small settle 10 8 -D count=10
    expect "$1_small" "select count(*) from attachments where status = 'stored'" $((transactions * 10))
    [[ $1 != c ]] ||
        expect c_small "select count(*) from apalis.jobs where status = 'Done'" $((transactions * 10))
    measure register_32 "$1" small register 1 32 -D rows=1
    [[ $1 == c ]] || return 0
    psql -d c_small -c 'alter table apalis.jobs disable trigger notify_workers'
    measure register_32_mended c small register 1 32 -D rows=1
    psql -d c_small -c 'alter table apalis.jobs enable trigger notify_workers'
}
registrations() {
    measure register_1 "$1" small register 1 1 -D rows=1
    measure register_8 "$1" small register 1 8 -D rows=1
    measure register_50 "$1" small register 50 4 -D rows=50
    measure register_32_pending "$1" pending register 1 32 -D rows=1
}
small_again() { refill "$1" "$small"; }
claims() { # undone, so that each finds the same queue, and to leave the disk out
    local state count bound
    for state in small pending finished; do
        bound=200
        [[ $1$state != cpending ]] || bound=3
        for count in 1 10; do
            measure "claim_${count}_$state" "$1" "$state" claim_undone 1 1 -D count=$count -t $bound
        done
    done
    [[ $1 == c ]] || return 0
    mend c_pending
    measure claim_10_mended c pending claim_undone 1 1 -D count=10 -t 200
    unmend c_pending
}
backlog() {
    measure cycle_pending "$1" pending settle 10 8 -D count=10
    measure retry_pending "$1" pending retry 10 8 -D count=10
    [[ $1 == c ]] || return 0
    mend c_pending
    measure cycle_mended c pending settle 10 8 -D count=10
    measure retry_mended c pending retry 10 8 -D count=10
    unmend c_pending
}
renewals() { # the stock storage has a heartbeat a worker, no lease a job
    [[ $1 != c ]] || return 0
    refill "$1" "$small"
    local updated="select sum(pg_stat_get_tuples_updated(relid)) from pg_stat_user_tables"
    psql -d "$1_small" -c 'select pg_stat_reset()' >/dev/null
    measure discard "$1" small claim 1000 1 -D count=1000 -t 1
    expect "$1_small" "$updated" 1000
    measure renew "$1" small renew 1 8
    expect "$1_small" "$updated" $((1000 + transactions))
}
reads() {
    measure read_pending "$1" pending read 1 8 -D rows="$million" -t 2000
    measure list_pending "$1" pending list 1 8 -D rows="$million" -t 2000
    measure read_finished "$1" finished read 1 8 -D rows="$million" -t 2000
    measure list_finished "$1" finished list 1 8 -D rows="$million" -t 2000
}

wal() { # of $2 lives in database $3, as metric $4; bytes are the same without waiting
    local from PGOPTIONS="$PGOPTIONS -c synchronous_commit=off"
    psql -d "$1_$3" -c checkpoint
    from=$(value "$1_$3" 'select pg_current_wal_insert_lsn()')
    measure discard "$1" "$3" register 1 1 -D rows=1 -t "$2"
    measure discard "$1" "$3" settle 10 1 -D count=10 -t "$(($2 / 10))"
    sample "$4" "$1" "$(value "$1_$3" "select (pg_current_wal_insert_lsn() - '$from') / $2")"
}
wal_written() {
    refill "$1" "$small"
    psql -c 'alter system set full_page_writes = off' -c 'select pg_reload_conf()' >/dev/null
    wal "$1" 1000 small wal
    psql -c 'alter system set full_page_writes = on' -c 'select pg_reload_conf()' >/dev/null
    wal "$1" 1000 finished wal_images
}

own_tables="from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname in ('public', 'apalis')"
megabytes() { value "$1" "select sum($2(c.oid)) / 1e6 $own_tables"; }
sizes() {
    local state
    for state in pending finished; do
        sample rows_$state "$1" "$(megabytes "$1_$state" pg_table_size)"
        sample index_$state "$1" "$(megabytes "$1_$state" pg_indexes_size)"
    done
}
bloat() {
    local before options=' -c synchronous_commit=off'
    [[ $1 != c ]] || mend c_pending # or it would take an hour
    before=$(megabytes "$1_pending" pg_total_relation_size)
    psql -d "$1_pending" -c 'select pg_stat_reset()' >/dev/null
    PGOPTIONS+=$options measure discard "$1" pending settle 10 8 -D count=10 -t "$((cycles / 80))"
    psql -d "$1_pending" -c 'select pg_stat_force_next_flush()' >/dev/null
    sample grown "$1" "$(awk "BEGIN { print $(megabytes "$1_pending" pg_total_relation_size) - $before }")"
    sample dead "$1" "$(value "$1_pending" 'select sum(n_dead_tup) / 1e3 from pg_stat_user_tables')"
    sample hot "$1" "$(value "$1_pending" \
        'select 100.0 * sum(n_tup_hot_upd) / sum(n_tup_upd) from pg_stat_user_tables')"
    PGOPTIONS+=$options measure claim_10_bloated "$1" pending claim_undone 1 1 -D count=10 -t 200
}

# phase HEADING ROUNDS FUNCTION: a table of the lines on stdin, which are
# METRIC<tab>LABEL and, where only C has it, the metric of B to compare with.
phase() {
    local before
    before=$(load_average)
    each_round "$2" "$3"
    echo "$1: at $SECONDS s" >&2
    printf '\n### %s\n\nRounds: %s. Load average: %s to %s.\n\n' "$1" "$2" "$before" "$(load_average)"
    printf '| | A | B | C | A / B | C / B |\n| --- | --- | --- | --- | --- | --- |\n'
    awk -f "$here/report.awk" "$samples" -
}

