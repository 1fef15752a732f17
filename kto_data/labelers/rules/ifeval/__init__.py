"""The 25 verifiable instructions of IFEval, one function each.

Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models", arXiv 2311.07911. What the paper
leaves open (what a word, a sentence or a highlight is) follows the verdicts that its verifier gives.
"""
