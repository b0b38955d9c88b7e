"""Asks a running `resa serve` one question three ways and shows the answers: `demo_ask.py URL`. Standard library only."""

import json
import sys
import textwrap
import urllib.error
import urllib.request
from pathlib import Path

ADAPTERS = Path(__file__).resolve().parent.parent / "adapters"
QUESTION = "A baker makes 12 trays with 8 rolls each and sells 70 rolls. How many rolls are left?"
LORA, SAE = "smollm2-gsm8k-lora", "smollm2-sae"


def ask(url: str, header: str | None) -> tuple[str, str]:
    """The answer and the response's Resa-Applied."""
    body = {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 120, "temperature": 0}
    headers = {"Content-Type": "application/json"}
    if header:
        headers["Resa-Adapters"] = header
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=300) as response:
            answer = json.load(response)
            return answer["choices"][0]["message"]["content"], response.headers.get("Resa-Applied") or "nothing"
    except urllib.error.HTTPError as error:
        sys.exit(f"the server answered {error.code}: {error.read().decode(errors='replace')}")


def main() -> None:
    edit = json.loads((ADAPTERS / SAE / "manifest.json").read_text())["demo_edit"]
    sae = f"{SAE};layer={edit['layer']};mode=edit;latent={edit['latent']};op={edit['op']};value={edit['value']:.1f}"
    print(f"\nQuestion: {QUESTION}")
    for title, header in [("plain", None), ("with a LoRA", LORA), (f"with one SAE latent changed ({edit['meaning']})", sae)]:
        answer, applied = ask(sys.argv[1], header)
        print(f"\n--- {title}")
        print(f"Resa-Adapters: {header or '(none)'}")
        print(f"Resa-Applied:  {applied}")
        for line in answer.strip().splitlines():
            print(textwrap.fill(line, 100, initial_indent="  | ", subsequent_indent="  | ") or "  |")
    print(flush=True)


if __name__ == "__main__":
    main()
