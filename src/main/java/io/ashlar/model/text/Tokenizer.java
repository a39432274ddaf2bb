package io.ashlar.model.text;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.ashlar.model.CheckpointException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** Text to token ids, by the tokenizer library that made the vocabulary. Safe for use by many threads. */
public final class Tokenizer implements AutoCloseable {
    static {
        // The library reports its use to its makers unless told not to.
        System.setProperty("OPT_OUT_TRACKING", "true");
    }

    private final HuggingFaceTokenizer tokenizer;
    private final TokenBytes bytes;

    /** @param json the content of a tokenizer.json */
    public Tokenizer(byte[] json, int vocabularySize) {
        try {
            this.bytes = TokenBytes.read(
                    JsonMapper.shared().readTree(new String(json, StandardCharsets.UTF_8)), vocabularySize);
            this.tokenizer = HuggingFaceTokenizer.newInstance(
                    new ByteArrayInputStream(json),
                    Map.of("addSpecialTokens", "false", "padding", "false", "truncation", "false"));
        } catch (IOException | JacksonException e) {
            throw new CheckpointException("tokenizer.json cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * The ids of a text; special tokens written in it are recognised.
     *
     * @param addSpecialTokens also what the tokenizer puts around a text by itself, such as a leading BOS
     */
    public int[] encode(String text, boolean addSpecialTokens) {
        long[] ids = tokenizer.encode(text, addSpecialTokens, false).getIds();
        int[] out = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            out[i] = Math.toIntExact(ids[i]);
        }
        return out;
    }

    public TokenBytes bytes() {
        return bytes;
    }

    /** The text of ids, special tokens left out. */
    public String decode(int[] ids) {
        Detokenizer detokenizer = new Detokenizer(bytes);
        StringBuilder text = new StringBuilder();
        for (int id : ids) {
            text.append(detokenizer.add(id));
        }
        return text.append(detokenizer.end()).toString();
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
