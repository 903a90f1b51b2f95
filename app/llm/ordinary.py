"""Ordinary words of English: beside anything else that is asked, they are named as not understood and never searched.

Searched in notes as if they were terms, they bring up passages that have nothing to do with the question. In quotation
marks any of them is searched. Not listed: words that also name a finding, a substance, a place of the body or a service.
"""

import re
from itertools import groupby

ORDINARY = frozenset(
    re.findall(
        r"[\w-]+",
        """able actually add addressed again against ahead almost along already alongside although altogether always among amount
        answer anybody anyone anyway apart appear appears around aside ask asked asks attach away back bad based basically become
        began begin behind best beside big bit bother bring broad brought business busy calc calculate call called calls card
        care careful case cases certain chance chances choice choose clear clearly close closely coming complete completely concern
        concerned concerns consider copy correct correctly count counted couple courses cover covered covers date dated dates
        decide decided decision decisions deal depend depends different difference differences difficult direct directly discuss discussed
        dosing early easily easy effect effects either else elsewhere end ended ends enough entire entirely equal especially even evening
        event events eventually everyone everything exactly example except expect expected extra fact facts far fast favor final
        finally fine finish finished fit follow followed following follows form format former forward frame free frequent frequently
        full fully further future general generally give glance goes gone great group guess guy half hand handle happen
        happening happens hard hardly hear heard held help helpful hold holds home hope hour idea important improve improved improving
        inside instead intend interval involve involved issue issues item items join keep keeps kept key kid kids kind kinds
        known knows large later lead least leave leaves leaving left less letting likely limit limited line lines listed little live
        longer looks lost lots main mainly major manage managed matter matters maybe mention message method middle mind minor miss
        missed missing moment money move moved much multiple name named names nearly necessary need needed needs never nice nobody
        none normally note noted nothing notice noticed number o'clock obviously occur occurred often older open opened opening
        opinion option options otherwise overview part parts pass passed people per perhaps pick picked picking picture piece place
        plan plans plus point points possible possibly prepare present previous previously prior probably program proper properly provide
        purpose put puts qualify question questions quick quickly quite raise range rather reach ready real really reason reasons
        reference regarding regular regularly remain remaining remember remind repeat reply request require required rest return review
        reviewed risk room round run running safe save says scale schedule score scores section seem seems sensible separate seriously
        set several share short shortly side sides similar simple simply single situation size slightly slow small someone something
        sometimes somewhat somewhere soon sort source speak specific specifically spend stand standing stands step steps sticking story
        straight strange stuff subject sudden suddenly suggest suggested sum summary suppose supposed surely switch switched
        system table takes talk team tells term terms therefore thing things think thinking though thought throughout thus tie title together
        told tomorrow tonight top total totally touch toward towards track transfer tried trouble true try trying turn turned twice
        type types understand unless upon useful usual usually various view wait waiting watch way ways whatever whenever wherever whether
        monday tuesday wednesday thursday friday saturday sunday january february april june july september october november december
        whole wide wish within without wonder wondering word words work worked working world worry worried worth write written wrong yesterday yet""",
    )
)


def parted(phrase: str) -> tuple[list[str], list[str]]:
    """Return what is worth a search of a phrase, its runs of words that are not ordinary, and the runs of those that are."""
    runs = [
        (ordinary, " ".join(words))
        for ordinary, words in groupby(phrase.split(), key=lambda word: word.casefold() in ORDINARY)
    ]
    return [r for ordinary, r in runs if not ordinary], [r for ordinary, r in runs if ordinary]
