#!/usr/bin/env bash
# The paper's story on the default model: docs/experiments/gsm8k-smollm2.sh DATA OUT [PROBLEMS]
#
# DATA holds gsm8k_train.jsonl and gsm8k_test.jsonl (openai/grade-school-math). Everything is made below OUT. Run it again after an
# interruption: finished stages are left alone, the one under way goes on. PROBLEMS (200) of the test set are asked; a greater number adds
# to what was asked before. RESA names the binary; without it the release build is taken. gsm8k-smollm2.md tells what came out.
set -euo pipefail
source "$(dirname "$0")/../../scripts/common.sh"

[ $# -ge 2 ] || fail "usage: $0 DATA OUT [PROBLEMS]"
data=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
problems=${3:-200}
cd "$root"
resa=$(realpath "${RESA:-.build/release/resa}")
target=$(realpath "$(scripts/fetch-model.sh)")
cd "$out"
source=$out/SmolLM2-135M-Instruct-gsm8k.gguf
sft=smollm2-gsm8k-lora sae=smollm2-sae lora=smollm2-resa-lora
hookpoint=layers.14

# stage NAME COMMAND...: adds NAME, seconds of the clock and of the processors to times.tsv.
stage() {
    local name=$1
    shift
    say "$name"
    TIMEFORMAT=$name$'\t%R\t%U\t%S'
    { time "$@" 2>&3; } 3>&2 2>>times.tsv
}
# trained FOLDER FILE COMMAND...: nothing where FOLDER is finished, and --resume where it was begun.
trained() {
    local folder=$1 result=$2
    shift 2
    if [ -e "$folder/checkpoint.safetensors" ]; then
        stage "$(basename "$folder")" "$@" --out "$folder" --resume
    elif [ ! -e "$folder/$result" ]; then
        stage "$(basename "$folder")" "$@" --out "$folder"
    fi
}

# 0. GSM8K without its calculator marks <<48/2=24>>.
for part in train test; do
    [ -e $part.jsonl ] || { sed -E 's/<<[^>]*>>//g' "$data/gsm8k_$part.jsonl" >$part.part && mv $part.part $part.jsonl; }
done
text=(--data train.jsonl --template chat --length 512)
small=(--rank 4 --alpha 8 --dropout 0 --modules "q,k,v,o,down" --schedule cosine --warmup 10 --epochs 1 --seed 1 --save-every 25 --bf16-adapter)

# 1. The source: the model after a short supervised run.
trained "adapters/$sft" adapter_model.safetensors \
    "$resa" tune --objective sft --model "$target" "${text[@]}" --rows 720 --loss-tokens answer "${small[@]}" --rate 1e-3
[ -e "$source" ] || stage merge "$resa" merge --model "$target" --adapter "adapters/$sft" --out "$source"

# 2. An SAE of the source, from a middle layer.
trained "adapters/$sae" "$hookpoint/sae.safetensors" \
    "$resa" extract --model "$source" "${text[@]}" --rows 1800 --hookpoint "$hookpoint" --latents 2048 --k 32 --auxk 0.03125 \
    --dead-tokens 50000 --optimiser adam --rate 1.5e-3 --warmup 20 --batch 2 --shuffle --seed 1 --bf16-sae

# 3. What its latents act on. One that acts most strongly on one word, whatever stands around it, is named after the word.
[ -e probe.json ] || {
    stage probe "$resa" probe --model "$source" --sae "$sae" --adapters adapters --data test.jsonl --template chat --length 512 --rows 100 \
        --no-tags --top 2048 --json >probe.part && mv probe.part probe.json
}
"$(find_python)" - "adapters/$sae/labels.json" <<'PY'
import collections, json, sys

labels = {}
for place in json.load(open("probe.json"))["hookpoints"]:
    names = labels[place["hookpoint"]] = {}
    for latent in sorted(place["reported"], key=lambda latent: latent["latent"]):
        words = collections.Counter(context["token"].strip() for context in latent["contexts"])
        [(word, times)] = words.most_common(1) or [("", 0)]
        if word and times >= 4:
            names[str(latent["latent"])] = word
with open(sys.argv[1], "w") as file:
    json.dump(labels, file, indent=1, ensure_ascii=False)
PY

# 4. SAE-guided fine-tuning of the original model, which the source's SAE is put into; and the same with its decoder rows shuffled.
guided=("$resa" tune --model "$target" --sae "adapters/$sae" "${text[@]}" --rows 160 "${small[@]}" --rate 4e-4)
trained "adapters/$lora" adapter_model.safetensors "${guided[@]}"
trained "adapters/$lora-shuffled" adapter_model.safetensors "${guided[@]}" --shuffle-sae 1

# 5. What each does to the models on held-out text. The exit status is a verdict.
check() { "$resa" adapters check "$2" --adapters adapters --model "$1" --text test.jsonl --rows 32 --tokens 4096 --json >check.part || [ $? -gt 1 ]; }
checked() {
    [ -e "$3.json" ] || { stage "$3" check "$1" "$2" && mv check.part "$3.json"; }
}
for name in "$sft" "$sae" "$lora" "$lora-shuffled"; do checked "$target" "$name" "check-$name"; done
checked "$source" "$sae" "check-$sae-source"

# 6. Both LoRAs and a random one on the original model, and, as they are, on its sibling, the source.
for model in target source; do
    stage "eval-$model" "$resa" eval --model "${!model}" --data test.jsonl --limit "$problems" --prompt plain --max-tokens 320 --seed 1 \
        --adapters adapters --adapter "$lora" --control "random=$lora" --control "shuffled=$lora-shuffled" --output "eval-$model" \
        --json "eval-$model.json" --svg "eval-$model.svg"
done
column -t -s $'\t' -N stage,seconds,user,system times.tsv >&2
