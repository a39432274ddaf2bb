package io.ashlar.identity;

import com.eatthepath.otp.TimeBasedOneTimePasswordGenerator;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Instant;
import javax.crypto.spec.SecretKeySpec;
import org.apache.commons.codec.binary.Base32;

/** One-time codes of six digits for half a minute (TOTP, RFC 6238), as authenticator apps make them. */
final class OneTimeCodes {
    private static final int SECRET_BYTES = 20;
    /** A code of the step before and after this one is taken too: clocks differ. */
    private static final int TOLERANCE = 1;

    private static final TimeBasedOneTimePasswordGenerator GENERATOR = new TimeBasedOneTimePasswordGenerator();

    private OneTimeCodes() {}

    /** A secret in base 32, as apps read it. */
    static String newSecret(SecureRandom random) {
        byte[] secret = new byte[SECRET_BYTES];
        random.nextBytes(secret);
        return new Base32().encodeToString(secret);
    }

    /** What an app reads from a picture. */
    static String uri(String login, String secret) {
        return "otpauth://totp/Ashlar:"
                + URLEncoder.encode(login, StandardCharsets.UTF_8).replace("+", "%20") + "?secret=" + secret
                + "&issuer=Ashlar";
    }

    static long step(Instant at) {
        return Math.floorDiv(at.getEpochSecond(), GENERATOR.getTimeStep().toSeconds());
    }

    static String code(String secret, Instant at) {
        try {
            SecretKeySpec key = new SecretKeySpec(new Base32().decode(secret), GENERATOR.getAlgorithm());
            return GENERATOR.generateOneTimePasswordString(key, at);
        } catch (InvalidKeyException e) {
            throw new IllegalStateException("every Java has HMAC-SHA1", e);
        }
    }

    /**
     * The time step that the code is of; -1 if it is of none that may be used.
     *
     * @param last the newest step of which a code was used; neither it nor one before is taken again
     */
    static long stepOf(String code, String secret, Instant now, long last) {
        long found = -1;
        for (int d = -TOLERANCE; d <= TOLERANCE; d++) {
            Instant at = now.plus(GENERATOR.getTimeStep().multipliedBy(d));
            boolean same = MessageDigest.isEqual(
                    code(secret, at).getBytes(StandardCharsets.UTF_8), code.getBytes(StandardCharsets.UTF_8));
            if (same && step(at) > last) {
                found = step(at);
            }
        }
        return found;
    }
}
