"""The machines that Jobs offers, with their prices, as `GET /api/jobs/hardware` answers them.

Figures: the Jobs pricing table of the Hub's documentation as of 2026-08-22 (huggingface/hub-docs,
`docs/hub/jobs-pricing.md`), which rounds dollars per hour to cents. The entry for cpu-basic was also seen in
an answer of the live endpoint (167 micro-dollars a minute for $0.01 an hour), which fixes the rounding: the
price of an hour divided by 60, rounded to a whole micro-dollar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Flavor:
    """One machine. RAM, disk and VRAM in GB; `vram` is that of all accelerators together."""

    name: str
    pretty: str
    vcpu: int
    ram: int
    disk: int
    gpu: str | None
    gpus: int
    vram: int
    usd_per_hour: float

    def answer(self) -> dict[str, Any]:
        """This machine as the Hub lists it."""
        micro = round(self.usd_per_hour * 1e6 / 60)
        return {
            "name": self.name,
            "prettyName": self.pretty,
            "cpu": f"{self.vcpu} vCPU",
            "ram": f"{self.ram} GB",
            "ephemeralStorage": f"{self.disk} GB",
            "accelerator": None
            if self.gpu is None
            else {
                "type": "gpu",
                "model": self.gpu,
                "quantity": str(self.gpus),
                "vram": f"{self.vram} GB",
                "manufacturer": "Nvidia",
            },
            "unitCostMicroUSD": micro,
            "unitCostUSD": micro / 1e6,
            "unitLabel": "minute",
        }


_TABLE = (
    # name, pretty name, vCPU, RAM, disk, accelerator, how many, VRAM of all, dollars per hour
    ("cpu-basic", "CPU Basic", 2, 16, 50, None, 0, 0, 0.01),
    ("cpu-upgrade", "CPU Upgrade", 8, 32, 50, None, 0, 0, 0.03),
    ("cpu-performance", "CPU Performance", 32, 256, 1024, None, 0, 0, 1.90),
    ("cpu-xl", "CPU XL", 16, 124, 1000, None, 0, 0, 1.00),
    ("t4-small", "Nvidia T4 - small", 4, 15, 50, "T4", 1, 16, 0.40),
    ("t4-medium", "Nvidia T4 - medium", 8, 30, 100, "T4", 1, 16, 0.60),
    ("a10g-small", "Nvidia A10G - small", 4, 15, 110, "A10G", 1, 24, 1.00),
    ("a10g-large", "Nvidia A10G - large", 12, 46, 200, "A10G", 1, 24, 1.50),
    ("a10g-largex2", "2x Nvidia A10G - large", 24, 92, 1000, "A10G", 2, 48, 3.00),
    ("a10g-largex4", "4x Nvidia A10G - large", 48, 184, 2000, "A10G", 4, 96, 5.00),
    ("a100-large", "Nvidia A100 - large", 12, 142, 1000, "A100", 1, 80, 2.50),
    ("a100x4", "4x Nvidia A100", 48, 568, 4000, "A100", 4, 320, 10.00),
    ("a100x8", "8x Nvidia A100", 96, 1136, 8000, "A100", 8, 640, 20.00),
    ("h200", "Nvidia H200", 23, 256, 3000, "H200", 1, 141, 5.00),
    ("h200x2", "Nvidia H200", 46, 512, 6000, "H200", 2, 282, 10.00),
    ("h200x4", "Nvidia H200", 92, 1024, 12000, "H200", 4, 564, 20.00),
    ("h200x8", "Nvidia H200", 184, 2048, 24000, "H200", 8, 1128, 40.00),
    ("rtx-pro-6000", "Nvidia RTX PRO 6000", 23, 256, 475, "RTX PRO 6000", 1, 96, 2.75),
    ("rtx-pro-6000x2", "Nvidia RTX PRO 6000", 46, 512, 950, "RTX PRO 6000", 2, 192, 5.50),
    ("rtx-pro-6000x4", "Nvidia RTX PRO 6000", 92, 1024, 1900, "RTX PRO 6000", 4, 384, 11.00),
    ("rtx-pro-6000x8", "Nvidia RTX PRO 6000", 184, 2048, 3800, "RTX PRO 6000", 8, 768, 22.00),
    ("l4x1", "1x Nvidia L4", 8, 30, 400, "L4", 1, 24, 0.80),
    ("l4x4", "4x Nvidia L4", 48, 186, 3200, "L4", 4, 96, 3.80),
    ("l40sx1", "1x Nvidia L40S", 8, 62, 380, "L40S", 1, 48, 1.80),
    ("l40sx4", "4x Nvidia L40S", 48, 382, 3200, "L40S", 4, 192, 8.30),
    ("l40sx8", "8x Nvidia L40S", 192, 1534, 6500, "L40S", 8, 384, 23.50),
)

FLAVORS: dict[str, Flavor] = {row[0]: Flavor(*row) for row in _TABLE}


def answer() -> list[dict[str, Any]]:
    """The body of `GET /api/jobs/hardware`."""
    return [flavor.answer() for flavor in FLAVORS.values()]
