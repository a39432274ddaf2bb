package io.ashlar.model.family;

/** Qwen 3: norms over each head of queries and keys. */
class Qwen3 extends Decoder {
    Qwen3() {
        this("qwen3");
    }

    Qwen3(String name) {
        super(name);
    }

    @Override
    boolean hasHeadNorms() {
        return true;
    }
}
