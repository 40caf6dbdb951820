"""A real study, small enough for a coffee break: `python -m experimaestro.demo`.

It needs scikit-learn and matplotlib: `pip install "experimaestro[demo]"`.
"""
