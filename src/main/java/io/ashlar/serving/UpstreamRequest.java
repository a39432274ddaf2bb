package io.ashlar.serving;

import java.util.UUID;

/**
 * What another server is asked.
 *
 * @param id by which both servers' logs know it
 * @param path below its address, such as {@code /chat/completions}
 * @param body JSON; asks for a stream that ends with what was used
 * @param promptTokens guessed: only the other server can count them
 */
public record UpstreamRequest(UUID id, String path, byte[] body, int promptTokens, int maxTokens, int choices) {}
