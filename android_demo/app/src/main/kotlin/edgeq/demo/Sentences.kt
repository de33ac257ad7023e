package edgeq.demo

/**
 * A message that stands alone on a screen: with a capital where it begins with a word. Names of files, tensors and
 * variants, such as `bundle.json` or `float32`, stay as they are.
 */
fun sentence(message: String): String {
    val first = message.takeWhile { !it.isWhitespace() }
    return if (first.all { it in 'a'..'z' }) message.replaceFirstChar(Char::uppercaseChar) else message
}
