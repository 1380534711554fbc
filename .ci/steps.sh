# What the lanes of `.ci/run` share: a step runs a command, shows what it prints, and files its outcome in $results, one line for
# each: what it is called, how it went, for how long or why not, and how many passed, failed and were skipped.
export NO_COLOR=1 FORCE_COLOR=0
results=$logs/results

# step NAME COMMAND... : counts as one test, unless it is a suite that counts its own.
step() {
  local name=$1 start=$SECONDS status state=ok
  shift
  printf '\n=== %s: %s\n' "$name" "$*"
  timeout --kill-after=30 3300 "$@" < /dev/null 2>&1 | tee "$logs/$name"
  status=${PIPESTATUS[0]}
  [ "$status" -eq 0 ] || state=FAILED
  printf '%s|%s|%4d s|%s\n' "$name" "$state" $((SECONDS - start)) "$(count "$name" "$status")" >> "$results"
  return "$status"
}

# Vitest says "Tests  3 failed | 40 passed (43)". A suite that ran no test is a failure, whatever it exits with.
count() {
  local name=$1 status=$2 line ok=0 bad=0 left=0
  case $name in
    unit | browser | e2e | firefox | firefox-e2e | webkit)
      line=$(sed 's/\x1b\[[0-9;]*m//g' "$logs/$name" | grep -E '^ *Tests +' | tail -1)
      ok=$(number "$line" passed)
      bad=$(number "$line" failed)
      left=$(number "$line" skipped)
      if [ $((ok + bad)) -eq 0 ]; then
        echo "$name ran no test" >&2
        bad=1
      elif [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
      fi
      ;;
    *)
      if [ "$status" -eq 0 ]; then ok=1; else bad=1; fi
      ;;
  esac
  echo "$ok $bad $left"
}

number() {
  local found
  found=$(grep -oE "[0-9]+ $2" <<< "$1" | grep -oE '[0-9]+')
  echo "${found:-0}"
}

skip() {
  printf '\n=== %s: skipped: %s\n' "$1" "$2"
  printf '%s|skipped|%s|0 0 1\n' "$1" "$2" >> "$results"
}

# tell WHAT... : in a lane other than the one in front, puts what a step or a skip prints into `$lane/NUMBER.done` when it has ended, whole.
told=0
tell() {
  "$@" > "$lane/output" 2>&1
  mv "$lane/output" "$lane/$((told += 1)).done"
}
