package io.ashlar.compute;

/**
 * Element types of stored weights, as the formats define them: safetensors' floats, and GGUF's blocks (llama.cpp,
 * {@code ggml-quants}). The order is that of {@code ashlar.h}.
 */
public enum DType {
    F32(1, 4),
    F16(1, 2),
    BF16(1, 2),
    /** Blocks of 32: a float16 scale, 32 signed bytes. */
    Q8_0(32, 34),
    /** Blocks of 32: a float16 scale, 32 nibbles less 8. */
    Q4_0(32, 18),
    /** Blocks of 256 in 8 parts: float16 scales of scale and minimum, 6 bits of both for each part, 256 nibbles. */
    Q4_K(256, 144),
    /** As Q4_K, with a fifth bit for each weight. */
    Q5_K(256, 176),
    /** Blocks of 256 in 16 parts: 6 bits less 32 for each weight, a signed byte of scale for each part, a float16 scale. */
    Q6_K(256, 210);

    private final int blockElements;
    private final int blockBytes;

    DType(int blockElements, int blockBytes) {
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
    }

    /** Elements along k that are stored together. */
    public int blockElements() {
        return blockElements;
    }

    /** Bytes of such a block. */
    public int blockBytes() {
        return blockBytes;
    }

    public boolean isQuantized() {
        return blockElements > 1;
    }

    /** Bytes of a row as the formats store it. */
    public long rowBytes(long columns) {
        return columns / blockElements * blockBytes;
    }
}
