import importlib
import pkgutil
import re

import app
from app import errors
from app.llm.errors import ModelFailed


def every(base: type[errors.ChartsideError]) -> set[type[errors.ChartsideError]]:
    found = set(base.__subclasses__())
    return found.union(*(every(one) for one in found))


def test_every_error_has_a_sentence_a_code_and_a_place_in_the_tree() -> None:
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)
    named = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or ""))
    for error in every(errors.ChartsideError):
        assert error.public.endswith("."), error
        assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", error.code), error
        assert error.status >= 400
        # The kinds of these two stand in `app.smart.errors` and `app.llm.errors`.
        assert error.__name__ in named or issubclass(error, (errors.LaunchError, ModelFailed)), (
            error
        )
    codes = [error.code for error in every(errors.ChartsideError)]
    assert len(codes) == len(set(codes))
