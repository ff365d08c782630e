"""The demo app: `streamlit run app_streamlit.py`. Its pages live in `opensoc_app`."""

from opensoc_app.page import show

show()
