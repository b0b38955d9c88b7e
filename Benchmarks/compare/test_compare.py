"""Tests of everything that needs no peer and no package: `python3 -m unittest discover Benchmarks/compare`."""

import json
import tempfile
import unittest
from dataclasses import asdict
from pathlib import Path

import llama_cpp
import resa
import table
from record import Record, TurnRecord
from summary import Comparison, Goal, Series, compare, roof_shares
from workload import Workload, decode
from workspace import StepFailed, Workspace

WORKLOAD = Workload(batches=(1, 8))
ROOF = {
    "read_gigabytes_per_second": 40.0, "f32_gigaflops_per_second": 200.0, "bf16_gigaflops_per_second": 400.0,
    "int8_gigaops_per_second": 800.0, "weight_bytes_per_token": 2e9,
}  # fmt: skip


def rates(prefill: float, one: float, eight: float) -> dict[str, float]:
    return {"prefill": prefill, decode(1): one, decode(8): eight}


class InTemporaryFolder(unittest.TestCase):
    def setUp(self) -> None:
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = Path(held.name)

    def record(self) -> Record:
        about = {
            "date": "2026-01-01", "machine": "2 cores of a test", "workload": asdict(WORKLOAD), "versions": {"peer": "1"},
            "multiplied_weights": 10**9,
        }  # fmt: skip
        return Record.create(self.folder / "run.jsonl", about)


class SummaryTests(InTemporaryFolder):
    def test_the_best_peer_is_of_the_class_a_goal_names(self) -> None:
        record = self.record()
        record.add(TurnRecord(1, "resa int8", "8 bits", True, rates(200, 18, 90), ROOF))
        record.add(TurnRecord(1, "eight", "8 bits", False, rates(100, 12, 50)))
        record.add(TurnRecord(1, "sixteen", "bf16", False, rates(150, 11, 40)))
        record.add(TurnRecord(1, "four", "4 bits", False, rates(900, 30, 100)))
        found = {(entry.goal.contender, entry.goal.quantity): entry for entry in compare(record)}
        self.assertEqual(found["resa int8", "prefill"].best.contender, "sixteen")
        self.assertEqual(found["resa int8", decode(1)].best.contender, "eight")
        # at wide batches a peer of any precision counts
        self.assertEqual(found["resa int8", decode(8)].best.contender, "four")
        self.assertEqual([found["resa int8", name].verdict for name in WORKLOAD.quantities], ["miss", "pass", "miss"])
        self.assertNotIn(("resa int4", "prefill"), found)

    def test_noise_withholds_a_verdict_only_where_quartiles_disagree(self) -> None:
        peer = Series("peer", (10.0, 10.0, 10.0))
        goal = Goal("resa int8", "prefill", ("8 bits",), 1.4)
        self.assertEqual(Comparison(goal, Series("resa", (13.9, 14.1, 14.2)), peer).verdict, "pass")
        self.assertEqual(Comparison(goal, Series("resa", (10.0, 14.1, 19.0)), peer).verdict, "too noisy to tell")
        clear = Comparison(goal, Series("resa", (20.0, 30.0, 40.0)), peer)
        self.assertTrue(clear.noisy)
        self.assertEqual(clear.verdict, "pass")
        self.assertEqual(Comparison(goal, Series("resa", (2.0, 3.0, 4.0)), peer).verdict, "miss")

    def test_rates_taken_while_others_computed_are_noisy(self) -> None:
        self.assertFalse(Series("peer", (10.0, 10.0, 10.0), (0.5, 0.0, 0.02)).noisy)
        self.assertTrue(Series("peer", (10.0, 10.0, 10.0), (0.5, 0.0, 0.4)).noisy)
        self.assertTrue(Series("peer", (10.0,), (0.5,)).noisy)

    def test_roof_shares_take_rate_and_roof_from_the_same_turn(self) -> None:
        record = self.record()
        for number, speed in enumerate((1.0, 0.5, 0.25), start=1):
            roof = {**ROOF, "read_gigabytes_per_second": 40 * speed, "int8_gigaops_per_second": 800 * speed}
            record.add(TurnRecord(number, "resa int8", "8 bits", True, rates(200 * speed, 18 * speed, 1), roof))
        shares = {entry.quantity: entry.share for entry in roof_shares(record)}
        self.assertAlmostEqual(shares[decode(1)], 0.9)
        self.assertAlmostEqual(shares["prefill"], 0.5)


class RecordTests(InTemporaryFolder):
    def test_a_run_is_read_back_as_it_was_written(self) -> None:
        record = self.record()
        record.add(TurnRecord(1, "resa int8", "8 bits", True, rates(1, 2, 3), ROOF, 4.0, 0.5))
        again = Record.load(record.path)
        self.assertEqual((again.about["versions"], again.turns, again.workload), ({"peer": "1"}, record.turns, WORKLOAD))
        self.assertTrue(again.has(1, "resa int8"))
        self.assertFalse(again.has(2, "resa int8"))

    def test_an_unfinished_last_line_is_dropped(self) -> None:
        record = self.record()
        record.add(TurnRecord(1, "resa int8", "8 bits", True, rates(1, 2, 3)))
        with open(record.path, "a", encoding="utf-8") as file:
            file.write('{"round": 1, "conten')
        again = Record.load(record.path)
        again.add(TurnRecord(2, "resa int8", "8 bits", True, rates(1, 2, 3)))
        self.assertEqual([turn.round for turn in Record.load(record.path).turns], [1, 2])


class TableTests(InTemporaryFolder):
    def test_the_table_replaces_the_one_between_the_marks_and_nothing_else(self) -> None:
        document = self.folder / "performance.md"
        document.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
        table.write(document, "new")
        self.assertEqual(document.read_text(), f"before\n{table.BEGIN}\nnew\n{table.END}\nafter\n")

    def test_a_document_without_marks_gets_a_section_at_its_end(self) -> None:
        document = self.folder / "performance.md"
        document.write_text("# Performance\n")
        table.write(document, "new")
        table.write(document, "newer")
        self.assertIn(f"\n{table.BEGIN}\nnewer\n{table.END}\n", document.read_text())
        self.assertEqual(document.read_text().count("## Side by side"), 1)

    def test_noise_is_said(self) -> None:
        record = self.record()
        for number, rate in enumerate((1.0, 10.0, 30.0), start=1):
            record.add(TurnRecord(number, "resa int8", "8 bits", True, rates(rate, rate, rate), ROOF, 1.0, 0.4))
        text = table.markdown(record)
        self.assertIn("too noisy to tell", text)
        self.assertIn("| resa int8 | 10.0* | 10.0* | 10.0* |", text)
        self.assertIn("in 3 of 3 turns others had more than 10% of the processors (at most 40%)", text)


class ReadingTests(unittest.TestCase):
    def test_llama_benchmarks(self) -> None:
        self.assertEqual(llama_cpp.prefill_rate(json.dumps([{"samples_ts": [90.0, 110.0]}])), 100.0)
        lines = 'noise\n{"pl": 1, "speed_tg": 12.5}\n{"pl": 8, "speed_tg": 40}\n'
        self.assertEqual(llama_cpp.decode_rates(lines, WORKLOAD), {decode(1): 12.5, decode(8): 40})
        with self.assertRaisesRegex(StepFailed, r"batch \[8\]"):
            llama_cpp.decode_rates('{"pl": 1, "speed_tg": 12.5}', WORKLOAD)

    def test_resa_bench(self) -> None:
        report = {
            "probe": {name: [ROOF[name]] for name in resa.ROOFS}, "weight_bytes_per_token": 2e9,
            "prefill": [{"tokens": 512, "tokens_per_second": [200, 202]}],
            "decode": [{"batch": batch, "context": 128, "tokens_per_second": [batch * 10.0]} for batch in (1, 8)],
        }  # fmt: skip
        turn = resa.turn(json.dumps(report), WORKLOAD)
        self.assertEqual(turn.rates, rates(201, 10, 80))
        self.assertEqual(turn.roof, ROOF)
        broken_reports = [{**report, "decode": []}, {**report, "prefill": []}, {**report, "probe": ROOF}]
        for broken in ["", "{}", *map(json.dumps, broken_reports)]:
            with self.assertRaises(StepFailed):
                resa.turn(broken, WORKLOAD)


class WorkspaceTests(InTemporaryFolder):
    def test_a_step_runs_once_for_equal_inputs_and_again_after_a_failure(self) -> None:
        workspace, ran = Workspace(self.folder, 1), []
        workspace.once("step", [1], lambda: ran.append("first"))
        workspace.once("step", [1], lambda: ran.append("not"))
        with self.assertRaises(ZeroDivisionError):
            workspace.once("step", [2], lambda: ran.append("second") or 1 / 0)
        workspace.once("step", [2], lambda: ran.append("third"))
        self.assertEqual(ran, ["first", "second", "third"])

    def test_a_failing_command_names_its_log(self) -> None:
        workspace = Workspace(self.folder, 1)
        with self.assertRaisesRegex(StepFailed, r"ended with status 3; see .*log\.txt"):
            workspace.run("log", ["sh", "-c", "exit 3"])
        with self.assertRaisesRegex(StepFailed, "no such command"):
            workspace.run("log", [self.folder / "absent"])


if __name__ == "__main__":
    unittest.main()
