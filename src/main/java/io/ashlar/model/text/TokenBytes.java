package io.ashlar.model.text;

import io.ashlar.model.CheckpointException;
import java.nio.charset.StandardCharsets;
import tools.jackson.databind.JsonNode;

/**
 * The bytes each token stands for, so that detokenisation is an array look-up. Read from tokenizer.json: byte-level
 * vocabularies spell each byte as one printable character (GPT-2's table); SentencePiece ones write a space as U+2581 and
 * unknown bytes as {@code <0xAB>}.
 */
public final class TokenBytes {
    private static final byte[] NONE = {};

    private final byte[][] bytes;
    private final boolean[] special;
    private final boolean stripsFirstSpace;

    private TokenBytes(byte[][] bytes, boolean[] special, boolean stripsFirstSpace) {
        this.bytes = bytes;
        this.special = special;
        this.stripsFirstSpace = stripsFirstSpace;
    }

    /** For models without a tokenizer, such as random ones: token i stands for byte i % 256. */
    public static TokenBytes ofBytes(int vocabularySize) {
        byte[][] bytes = new byte[vocabularySize][];
        for (int i = 0; i < vocabularySize; i++) {
            bytes[i] = new byte[] {(byte) i};
        }
        return new TokenBytes(bytes, new boolean[vocabularySize], false);
    }

    /** @param vocabularySize the model's; ids the tokenizer does not know stand for nothing */
    static TokenBytes read(JsonNode tokenizer, int vocabularySize) {
        boolean byteLevel = mentions(tokenizer.path("decoder"), "ByteLevel");
        boolean sentencePiece =
                mentions(tokenizer.path("decoder"), "ByteFallback") || mentions(tokenizer.path("decoder"), "Metaspace");
        if (!byteLevel && !sentencePiece) {
            throw new CheckpointException("tokenizer.json: its decoder is neither byte-level nor SentencePiece's; "
                    + "other kinds are not supported");
        }
        byte[][] bytes = new byte[vocabularySize][];
        boolean[] special = new boolean[vocabularySize];
        JsonNode vocabulary = tokenizer.path("model").path("vocab");
        if (vocabulary.isArray()) {
            for (int id = 0; id < Math.min(vocabulary.size(), vocabularySize); id++) {
                bytes[id] = piece(vocabulary.get(id).path(0).asString(""), byteLevel);
            }
        } else {
            vocabulary.properties().forEach(e -> {
                int id = e.getValue().asInt(-1);
                if (id >= 0 && id < vocabularySize) {
                    bytes[id] = piece(e.getKey(), byteLevel);
                }
            });
        }
        for (JsonNode added : tokenizer.path("added_tokens")) {
            int id = added.path("id").asInt(-1);
            if (id >= 0 && id < vocabularySize) {
                bytes[id] = added.path("content").asString("").getBytes(StandardCharsets.UTF_8);
                special[id] = added.path("special").asBoolean(false);
            }
        }
        for (int id = 0; id < vocabularySize; id++) {
            if (bytes[id] == null) {
                bytes[id] = NONE;
            }
        }
        return new TokenBytes(bytes, special, !byteLevel && mentions(tokenizer.path("decoder"), "Strip"));
    }

    private static boolean mentions(JsonNode decoder, String type) {
        if (decoder.path("type").asString("").equals(type)) {
            return true;
        }
        for (JsonNode part : decoder.path("decoders")) {
            if (mentions(part, type)) {
                return true;
            }
        }
        return false;
    }

    private static byte[] piece(String piece, boolean byteLevel) {
        if (byteLevel) {
            byte[] out = new byte[piece.length()];
            for (int i = 0; i < out.length; i++) {
                int b = piece.charAt(i) < ByteAlphabet.BYTE_OF.length ? ByteAlphabet.BYTE_OF[piece.charAt(i)] : -1;
                if (b < 0) {
                    return piece.getBytes(StandardCharsets.UTF_8);
                }
                out[i] = (byte) b;
            }
            return out;
        }
        if (piece.length() == 6 && piece.startsWith("<0x") && piece.endsWith(">")) {
            return new byte[] {(byte) Integer.parseInt(piece.substring(3, 5), 16)};
        }
        return piece.replace('\u2581', ' ').getBytes(StandardCharsets.UTF_8);
    }

    /** What the token adds to a text; nothing for special tokens. */
    byte[] shown(int token) {
        return special[token] ? NONE : bytes[token];
    }

    /** The token's bytes, special tokens included. */
    public byte[] of(int token) {
        return bytes[token];
    }

    /** Whether a text's first space is only SentencePiece's word mark. */
    boolean stripsFirstSpace() {
        return stripsFirstSpace;
    }

    /** GPT-2's table of printable stand-ins for bytes, inverted. */
    private static final class ByteAlphabet {
        static final int[] BYTE_OF = invert();

        private static int[] invert() {
            int[] table = new int[512];
            java.util.Arrays.fill(table, -1);
            int extra = 256;
            for (int b = 0; b < 256; b++) {
                boolean printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
                table[printable ? b : extra++] = b;
            }
            return table;
        }
    }
}
