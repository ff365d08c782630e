"""The demo app: `streamlit run app_streamlit.py`. Its pages live in `opensoc_app`."""

from opensoc_app.pages import show

show()
