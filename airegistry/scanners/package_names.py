"""Packages that everybody knows, by index, and names that look like one of them with a slip."""

from functools import cache
from typing import Literal

Index = Literal["pypi", "npm"]

_KNOWN: dict[Index, str] = {
    "pypi": (
        "requests urllib3 numpy pandas scipy matplotlib seaborn scikit-learn tensorflow pytorch torchvision keras "
        "django djangorestframework flask fastapi uvicorn gunicorn starlette pydantic sqlalchemy alembic psycopg "
        "psycopg2 "
        "psycopg2-binary pymongo pymysql mysqlclient aioredis celery boto3 botocore s3transfer awscli cryptography "
        "paramiko "
        "pyyaml jinja2 markupsafe werkzeug beautifulsoup beautifulsoup4 selenium playwright scrapy httpx httpie "
        "aiohttp "
        "websockets websocket python-dotenv python-dateutil setuptools pytest pylint mypy black isort flake8 openai "
        "anthropic langchain langgraph llamaindex transformers tokenizers datasets accelerate huggingface-hub tiktoken "
        "sentence-transformers chromadb streamlit gradio plotly bokeh jupyter jupyterlab notebook ipython pillow "
        "opencv-python openpyxl xlsxwriter pypdf pypdf2 pdfplumber reportlab python-docx python-pptx colorama colorlog "
        "termcolor loguru structlog virtualenv poetry pipenv protobuf grpcio google-api-python-client web3 networkx "
        "psutil discord discord.py python-telegram-bot tweepy simplejson orjson lxml html5lib markdown docutils sphinx "
        "mkdocs nltk gensim spacy xgboost lightgbm statsmodels sympy numba cython dask polars pyarrow fastparquet "
        "prometheus-client sentry-sdk opentelemetry kubernetes docker ansible fabric invoke twisted tornado peewee "
        "marshmallow attrs cachetools tenacity"
    ),
    "npm": (
        "react-dom react-router react-router-dom react-redux express express-session lodash lodash.merge axios "
        "commander "
        "chalk chalks colors color debug dotenv eslint tslint prettier typescript webpack webpack-cli rollup esbuild "
        "mongoose mongodb sequelize mysql mysql2 puppeteer playwright cheerio nodemon request requests bluebird "
        "body-parser cookie-parser cross-env cross-spawn socket.io socket.io-client jsonwebtoken bcrypt bcryptjs "
        "passport nodemailer validator moment moment-timezone dayjs date-fns underscore async inquirer minimist yargs "
        "winston morgan helmet multer electron jquery bootstrap tailwindcss postcss autoprefixer vitest mocha jasmine "
        "cypress storybook graphql apollo-server discord.js telegraf openai openapi langchain ethers web3 hardhat "
        "truffle "
        "firebase firebase-admin stripe aws-sdk node-fetch superagent fs-extra rimraf mkdirp glob chokidar semver "
        "ua-parser-js coffee-script babel-cli babel-core babel-loader typeorm prisma fastify koa-router sharp jsdom "
        "pm2 ts-node tsconfig-paths redux zustand formik framer-motion styled-components three chart.js handlebars "
        "mustache "
        "marked highlight.js node-sass less-loader css-loader style-loader file-loader html-webpack-plugin"
    ),
}
_SHORTEST = 6
"""Letters of a name that may be taken for another; in shorter ones a slip makes another word."""


@cache
def _known(index: Index) -> frozenset[str]:
    return frozenset(_KNOWN[index].split())


@cache
def _slips(index: Index) -> dict[str, str]:
    """Every name that is a well-known one with two letters swapped, one doubled, one left out or one sign changed."""
    made: dict[str, str] = {}
    for name in _known(index):
        for at in range(len(name)):
            swapped = name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :]
            for slip in (swapped, name[:at] + name[at] + name[at:], name[:at] + name[at + 1 :]):
                made[slip] = name
    return {slip: name for slip, name in made.items() if slip not in _known(index)}


def misspelt(name: str, index: Index) -> str | None:
    """The well-known package that a name, in lower case, looks like with one slip; None for itself and for others."""
    known = _known(index)
    if len(name) < _SHORTEST - 1 or name in known:
        return None
    if near := _slips(index).get(name):
        return near if len(near) >= _SHORTEST or sorted(near) == sorted(name) else None
    for at in range(len(name) if len(name) >= _SHORTEST else 0):
        rest = name[:at], name[at + 1 :]
        for letter in _BESIDE.get(name[at], ""):
            if (near := rest[0] + letter + rest[1]) in known and len(near) >= _SHORTEST:
                return near
        if len(name) > _SHORTEST and (near := "".join(rest)) in known and len(near) > _SHORTEST and name[at].isalpha():
            return near
    return None


_BESIDE = {
    "0": "o", "1": "li", "l": "1i", "i": "l1y", "y": "i", "o": "0a", "a": "oe", "e": "a3", "5": "s", "3": "e",
    "s": "5zc", "z": "s", "c": "ks", "k": "c", "m": "n", "n": "m", "u": "v", "v": "u", "-": "_.", "_": "-",
    ".": "-", "b": "v", "q": "g", "g": "q", "t": "r", "r": "t", "w": "v", "f": "p",
}  # fmt: skip
"""Letters that are taken for others, by eye, ear or finger."""
