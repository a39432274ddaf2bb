package io.ashlar.identity;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The text of an API key: {@code ash_<prefix>_<secret>}. The prefix finds it and may be shown; the secret is 256 random bits
 * in base 62 and is known to its owner only.
 */
record KeySecret(String prefix, String secret) {
    private static final String DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private static final int PREFIX_LENGTH = 10;
    private static final int SECRET_LENGTH = 43;
    private static final Pattern FORM =
            Pattern.compile("ash_([0-9A-Za-z]{" + PREFIX_LENGTH + "})_([0-9A-Za-z]{" + SECRET_LENGTH + "})");

    static KeySecret random(SecureRandom random) {
        byte[] prefix = new byte[8];
        byte[] secret = new byte[32];
        random.nextBytes(prefix);
        random.nextBytes(secret);
        return new KeySecret(base62(prefix, PREFIX_LENGTH), base62(secret, SECRET_LENGTH));
    }

    static @Nullable KeySecret parse(String text) {
        Matcher matcher = FORM.matcher(text);
        return matcher.matches() ? new KeySecret(matcher.group(1), matcher.group(2)) : null;
    }

    private static String base62(byte[] bytes, int length) {
        char[] out = new char[length];
        BigInteger value = new BigInteger(1, bytes);
        for (int i = length - 1; i >= 0; i--) {
            BigInteger[] parts = value.divideAndRemainder(BigInteger.valueOf(62));
            out[i] = DIGITS.charAt(parts[1].intValue());
            value = parts[0];
        }
        return new String(out);
    }

    byte[] hash() {
        try {
            return MessageDigest.getInstance("SHA-256").digest(secret.getBytes(StandardCharsets.US_ASCII));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    String text() {
        return "ash_" + prefix + "_" + secret;
    }

    @Override
    public String toString() {
        return "ash_" + prefix + "_...";
    }
}
