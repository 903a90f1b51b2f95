"""Two users at two EHRs whose ids are all equal, in every order: does a byte cross, is a launch lost?

The world is the copilot and two sandbox EHRs in one process. Each has the patients p1 to p4 and the users u1 and u2,
with other contents: every name, problem, allergy and question is a mark that says whose it is. A run is a seeded
series of interleavings; in each, two threads act at once, on launches of their own or on the same one. A model of a
few lines says which launches live; a refusal that it does not say counts as a lost launch, an answer that holds a mark
of anybody else as a leak.

Time stands still but for the steps that move it, so that a seed gives the same series every time; only the order
of the two acts is the machine's.
"""
