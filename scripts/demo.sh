#!/usr/bin/env bash
# The demo: build, fetch the default model, serve it on loopback, ask one question three times through the OpenAI API (plain, with a LoRA,
# with an SAE edit), then keep serving until interrupted. ONCE=1 stops after the three answers; PORT=8080 picks the port.
set -euo pipefail
source "$(dirname "$0")/common.sh"
cd "$root"

scripts/setup.sh
say "building the release binary (the first time takes some minutes)"
resa=$(scripts/release.sh)
model=$(scripts/fetch-model.sh)

log=$(mktemp "$cache/demo.XXXXXX.log")
say "starting: resa serve --weights bf16 --model $model --adapters adapters"
"$resa" serve --weights bf16 --model "$model" --adapters adapters --host 127.0.0.1 --port "${PORT:-0}" </dev/null >"$log" 2>&1 &
server=$!
stop() {
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    rm -f "$log"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

url=
for _ in $(seq 600); do
    url=$(grep -oE -m1 'http://127\.0\.0\.1:[0-9]+' "$log" || true)
    [ -z "$url" ] || break
    if ! kill -0 "$server" 2>/dev/null; then
        cat "$log" >&2
        fail "resa serve ended before it listened"
    fi
    sleep 0.1
done
[ -n "$url" ] || fail "resa serve printed no address within a minute; its log: $(cat "$log")"

"$(find_python)" scripts/demo_ask.py "$url"

if [ "${ONCE:-0}" = 1 ]; then exit 0; fi
say "serving on $url until you press Ctrl-C. Try:"
cat >&2 <<EOT
    curl $url/v1/chat/completions -H 'Resa-Adapters: smollm2-gsm8k-lora' \\
         -d '{"messages": [{"role": "user", "content": "What is 12 times 7?"}], "max_tokens": 100}'
    curl $url/v1/adapters
EOT
wait "$server"
