"""What is in a workspace, read from its files, whoever wrote them and whether they still run.

Plain functions, for commands and notebooks alike. Rules: nothing here needs a scheduler or opens a
run; what would change something says first what it would do; a folder that cannot be understood is
left alone and named.
"""
