"""What only Jupyter needs. Imported when a notebook is there, or when a widget is asked for."""
