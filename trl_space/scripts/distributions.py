"""Which package brings a module that a script imports.

    packages_of("PIL.Image")      # ("pillow", "pillow-simd"): the usual one first
    packages_of("sklearn")        # ("scikit-learn",)
    packages_of("json")           # (): Python brings it
    is_known("scikit-learn")      # True: safe to offer by its name

A module whose package is not known may have any package: names alike are taken by strangers, so the page never offers
one that stands in neither table.
"""

from __future__ import annotations

import sys

from packaging.utils import canonicalize_name

# Packages whose module has another name. Google's and others' share their first part with unrelated ones.
_NAMES: dict[str, str] = {
    "Bio": "biopython",
    "Crypto": "pycryptodome",
    "IPython": "ipython",
    "Levenshtein": "levenshtein",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "_pytest": "pytest",
    "antlr4": "antlr4-python3-runtime",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "comet_ml": "comet-ml",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "awq": "autoawq",
    "functorch": "torch",
    "torchgen": "torch",
    "isympy": "sympy",
    "multipart": "python-multipart",
    "opentelemetry": "opentelemetry-api",
    "rpds": "rpds-py",
    "xdist": "pytest-xdist",
    "py": "pytest",
    "dns": "dnspython",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "flash_attn": "flash-attn",
    "git": "gitpython",
    "github": "pygithub",
    "google.protobuf": "protobuf",
    "google.generativeai": "google-generativeai",
    "google.genai": "google-genai",
    "google.cloud.storage": "google-cloud-storage",
    "google.cloud.bigquery": "google-cloud-bigquery",
    "googleapiclient": "google-api-python-client",
    "hydra": "hydra-core",
    "imblearn": "imbalanced-learn",
    "jwt": "pyjwt",
    "langchain_core": "langchain-core",
    "llama_cpp": "llama-cpp-python",
    "lm_eval": "lm-eval",
    "magic": "python-magic",
    "markdown_it": "markdown-it-py",
    "mpl_toolkits": "matplotlib",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "pylab": "matplotlib",
    "pytorch_lightning": "pytorch-lightning",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "tensorboardX": "tensorboardx",
    "umap": "umap-learn",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
# Packages whose module has their own name, or that name with underscores.
_SAME = frozenset(
    """
    accelerate aiohttp albumentations altair anthropic anyio av bert-score bitsandbytes boto3 cachetools chromadb
    click codecarbon cohere cupy dask datasets deepeval deepspeed diffusers dill distilabel docopt duckdb einops einx
    emoji evaluate fairscale fastapi fasttext filelock fire flair flask flax fsspec ftfy galore-torch gensim gguf
    gradio gradio-client groq gym gymnasium h5py hf-transfer hf-xet hqq httpx httpx2 huggingface-hub inspect-ai
    instructor ipywidgets jax jiwer jmespath joblib jsonlines jsonschema kagglehub kernels kornia langchain langdetect
    langgraph librosa liger-kernel lighteval lightgbm lightning litellm llama-index llmcompressor lmdb logfire loguru
    lomo-optim lxml math-verify matplotlib mcp mistral-common mistralai mlflow more-itertools msgpack multiprocess
    nest-asyncio nltk num2words numba numpy ollama omegaconf onnx onnxruntime openai optimum optuna orjson outlines
    packaging pandas peft pexpect platformdirs plotly polars prodigyopt psutil pyarrow pydantic pydub pytest
    qwen-vl-utils rapidfuzz ray reasoning-gym regex requests rich rouge-score s3fs sacrebleu sacremoses safetensors
    schedulefree scipy seaborn sentence-transformers sentencepiece sentry-sdk setfit sglang simple-parsing six
    smolagents soundfile soxr spacy sqlalchemy stanza starlette statsmodels streamlit submitit sympy tabulate tenacity
    tensorboard tensorflow termcolor textblob textstat tiktoken timm tokenizers toml tomli tomlkit torch torchao
    torchaudio torchcodec torchdata torchmetrics torchvision tqdm trackio transformers triton trl typer
    typing-extensions tyro unidecode unsloth unsloth-zoo urllib3 uvicorn verifiers vllm wandb weave websockets
    wordcloud xformers xgboost xgrammar xxhash zstandard
    """.split()
)
# Other packages that bring the same module.
_ALSO: dict[str, tuple[str, ...]] = {
    "faiss-cpu": ("faiss-gpu", "faiss-gpu-cu12", "faiss-gpu-cu11"),
    "onnxruntime": ("onnxruntime-gpu",),
    "opencv-python-headless": ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless"),
    "pillow": ("pillow-simd",),
    "psycopg2-binary": ("psycopg2",),
    "pycryptodome": ("pycrypto",),
    "tensorflow": ("tensorflow-cpu",),
}
_KNOWN = _SAME | set(_NAMES.values())


def packages_of(module: str) -> tuple[str, ...]:
    """The packages that can bring a module, as the package index writes them, the usual one first; () when Python
    itself has it."""
    parts = module.split(".")
    if parts[0] in sys.stdlib_module_names or not parts[0]:
        return ()
    for length in range(min(3, len(parts)), 0, -1):
        if found := _NAMES.get(".".join(parts[:length])):
            return (found, *_ALSO.get(found, ()))
    found = str(canonicalize_name(parts[0]))
    return (found, *_ALSO.get(found, ()))


def is_known(package: str) -> bool:
    """Whether a package is a well-known one that goes by this name, so that it can be offered."""
    return package in _KNOWN
