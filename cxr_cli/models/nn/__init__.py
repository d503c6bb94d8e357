"""Building blocks of networks: convolution lowerings, normalization, pooling."""
