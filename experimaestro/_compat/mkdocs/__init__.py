"""For the documentation of packages that is made with MkDocs."""
