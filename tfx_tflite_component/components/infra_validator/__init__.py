"""`TFLiteInfraValidator`: says whether a TFLite model may ship, by running it where it will run."""
