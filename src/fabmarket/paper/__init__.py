"""The paper reproduced: every table and figure, every claim beside what it comes to here.

"The paper" is the one named in CITATION.cff. `reproduction.reproduce` computes all numbers and
judges the claims; `writing.write` makes the page. Each subject has a module: it returns its numbers
as a JSON value, and the claims that follow from them.
"""
