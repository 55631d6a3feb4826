"""The paper reproduced: every table and figure, every claim beside what it comes to here.

"The paper" is the one named in CITATION.cff. Each subject has a module, which measures it as a JSON
value and judges the claims that follow from it; what is said of a claim stands in
`claims/<claim>.txt`. `reproduction.reproduce` does it all; `writing.write` makes the page.
"""
