package io.ashlar.model.text;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Tokens to text, one at a time. Bytes that may still become a character wait for the next token, so that no half of a
 * character is ever given out; bytes that cannot become U+FFFD.
 */
public final class Detokenizer {
    private final TokenBytes tokens;
    private final CharsetDecoder decoder = StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE)
            .onUnmappableCharacter(CodingErrorAction.REPLACE);
    private ByteBuffer pending = ByteBuffer.allocate(64);
    private CharBuffer chars = CharBuffer.allocate(64);
    private boolean first = true;

    public Detokenizer(TokenBytes tokens) {
        this.tokens = tokens;
    }

    /** The text that this token completes; may be empty. */
    public String add(int token) {
        byte[] bytes = tokens.shown(token);
        if (bytes.length == 0) {
            return "";
        }
        int skip = first && tokens.stripsFirstSpace() && bytes[0] == ' ' ? 1 : 0;
        first = false;
        if (pending.remaining() < bytes.length) {
            pending =
                    ByteBuffer.allocate(2 * (pending.position() + bytes.length)).put(pending.flip());
        }
        pending.put(bytes, skip, bytes.length - skip).flip();
        return decode(false);
    }

    /** What is left at the end of the text: an unfinished character becomes U+FFFD. */
    public String end() {
        pending.flip();
        String rest = decode(true);
        decoder.reset();
        return rest;
    }

    private String decode(boolean last) {
        if (chars.capacity() < pending.remaining() + 2) {
            chars = CharBuffer.allocate(2 * pending.remaining() + 2);
        }
        chars.clear();
        CoderResult result = decoder.decode(pending, chars, last);
        if (result.isOverflow()) {
            throw new IllegalStateException("a decoded character takes more chars than its bytes");
        }
        pending.compact();
        return chars.flip().toString();
    }
}
