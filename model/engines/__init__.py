"""Ways to run the network: PyTorch on any device, OpenVINO on a processor. Chosen by `model.predictor`."""
