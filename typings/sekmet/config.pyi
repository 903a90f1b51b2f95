from typing import Literal

class ValidationSettings:
    def __init__(self, *, inbound: Literal["strict", "warn", "off"] = ...) -> None: ...

class SimulatorSettings:
    def __init__(self, *, enabled: bool = ...) -> None: ...

class Settings:
    def __init__(
        self,
        *,
        base_url: str = ...,
        log_inbound: bool = ...,
        validation: ValidationSettings = ...,
        simulator: SimulatorSettings = ...,
    ) -> None: ...
