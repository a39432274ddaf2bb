package io.ashlar.catalog;

/** Hides what the database must keep and nobody may read there. */
public interface Secrets {
    byte[] hide(String purpose, String secret);

    /** What was hidden for the same purpose. */
    String reveal(String purpose, byte[] hidden);
}
