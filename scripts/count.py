"""Counts the tests that a run of cargo test or cargo nextest reports: prints "PASSED FAILED"."""

import re
import sys

passed = failed = 0
with open(sys.argv[1], encoding="utf-8", errors="replace") as output:
    for line in output:
        cargo = re.match(r"test result: \w+\. (\d+) passed; (\d+) failed", line)
        nextest = re.search(r"tests? run: (\d+) passed", line)
        if cargo:
            passed += int(cargo[1])
            failed += int(cargo[2])
        elif nextest:
            passed += int(nextest[1])
            for kind in ("failed", "timed out", "exec failed"):
                found = re.search(rf"(\d+) {kind}", line)
                failed += int(found[1]) if found else 0
print(passed, failed)
