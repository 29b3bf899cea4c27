# TFX's own image with this package added: what each step on Kubeflow Pipelines or Vertex AI runs in,
# and each worker of Beam.
ARG TFX_VERSION=1.16.0
FROM tensorflow/tfx:${TFX_VERSION}

# Beam's workers otherwise start in a virtual environment that they make first, which fails where the
# image lacks python3-venv.
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1

COPY setup.cfg pyproject.toml README.md LICENSE /tmp/package/
COPY tfx_tflite_component /tmp/package/tfx_tflite_component

# The image has all dependencies, in versions that go together; none is touched. `python` is what
# TFX's launch command names; a bare `pip` may belong to another Python.
RUN python -m pip install --no-cache-dir --no-deps /tmp/package \
    && rm -r /tmp/package \
    && python -c "import tfx_tflite_component.components.rewriter.executor, tfx_tflite_component.evaluation"

# The environments of TFLiteInfraValidator's targets, so that a run needs no network. Name others with
# --build-arg TARGETS="litert-1.4.0 tflite-2.14.0", or none.
ARG TARGETS="litert-2.3.0 tflite-micro ethos-u"
ENV TFX_TFLITE_TARGETS=/opt/tfx-tflite/targets
RUN tfx-tflite targets install ${TARGETS}
