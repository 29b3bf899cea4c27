"""The environment variables that the worker gets: no tokens of other programs."""

import os
from collections.abc import Mapping

# What Python, the dynamic loader, TensorFlow and its numeric libraries read.
_NAMES = (
    *("PATH", "LANG", "LANGUAGE", "TZ", "TERM", "MALLOC_ARENA_MAX", "GOMAXPROCS"),
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"),
)
_PREFIXES = (
    *("LC_", "LD_", "PYTHON", "TF_", "TFLITE_", "XLA_", "KERAS_", "CUDA_", "XDG_DATA_"),
    *("OMP_", "MKL_", "KMP_", "OPENBLAS_", "ONEDNN_", "DNNL_", "NUMEXPR_"),
)
# What TensorFlow's remote file systems read, and their credentials.
_REMOTE_PREFIXES = (
    *("GOOGLE_", "GCS_", "GCE_", "CLOUDSDK_", "AWS_", "S3_", "AZURE_"),
    *("HADOOP_", "HDFS_", "LIBHDFS_", "KRB5", "JAVA_", "CLASSPATH"),
)
# Their default paths in the home folder, by the variable that can name another path.
_HOME_FILES = {
    "CLOUDSDK_CONFIG": ".config/gcloud",
    "AWS_SHARED_CREDENTIALS_FILE": ".aws/credentials",
    "AWS_CONFIG_FILE": ".aws/config",
}
# Of all variables, those that name files with credentials.
_CREDENTIAL_FILES = ("GOOGLE_APPLICATION_CREDENTIALS", "KRB5CCNAME", "KRB5_CONFIG", *_HOME_FILES)


def basic_environment(environment: Mapping[str, str], home: str) -> dict[str, str]:
    """The variables that a process needs to work with local files.

    Args:
        environment: The variables of this process.
        home: The folder to use as the home folder, where TensorFlow reads settings.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if name in _NAMES or name.lower() in _NAMES or name.startswith(_PREFIXES)
    }
    return {**kept, "HOME": home, "KERAS_HOME": home}


def remote_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The further variables that it needs for remote file systems.

    Args:
        environment: The variables of this process.
    """
    found = {
        name: os.path.expanduser(os.path.join("~", place)) for name, place in _HOME_FILES.items()
    }
    found = {name: path for name, path in found.items() if os.path.exists(path)}
    kept = {name: value for name, value in environment.items() if name.startswith(_REMOTE_PREFIXES)}
    return {**found, **kept}


def credential_files(environment: Mapping[str, str]) -> list[str]:
    """The files named by variables that remote file systems read."""
    return [environment[name] for name in _CREDENTIAL_FILES if name in environment]
